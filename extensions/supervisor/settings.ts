// What the setting `supervisor` of a session says about changes of files: `supervisor.fileChange`.

export const LEVELS = ["low", "med", "high"] as const
export type Level = (typeof LEVELS)[number]

/** Whether something is done by itself, and at which risk. */
export interface AutoAction {
  enabled: boolean
  threshold: Level
}
export interface FileChangeSettings {
  diffExplainability: boolean
  /** Accept up to the threshold. */
  approve: AutoAction
  /** Decline from the threshold on. */
  reject: AutoAction
  /** Say something to the turn, from the threshold on. */
  steer: AutoAction
}

/** `given` is whatever somebody stored; what can't be read is the default. */
export function readSettings(given: unknown): FileChangeSettings {
  const fileChange = record(record(given).fileChange)
  const auto = record(fileChange.autoActions)
  const action = (now: unknown, older: unknown, fallback: Level) =>
    readAction(record(now === undefined ? older : now), fallback)
  return {
    diffExplainability: fileChange.diffExplainability !== false,
    approve: action(auto.approve, fileChange.autoApprove, "low"),
    reject: action(auto.reject, fileChange.autoReject, "high"),
    steer: action(auto.steer, fileChange.autoSteer, "high"),
  }
}

const readAction = ({ enabled, threshold }: Record<string, unknown>, fallback: Level): AutoAction => ({
  enabled: enabled === true,
  threshold: readLevel(threshold) ?? fallback,
})

function readLevel(value: unknown): Level | undefined {
  const word = value === "medium" ? "med" : value
  return LEVELS.find((level) => level === word)
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
