// THE PLAN: every room, engine and table, built in order inside one scope; if a step fails, what was built is closed again.
// The only file that may look at every floor.

import type { Config } from "./base/config/config.ts"
import { placesOf } from "./base/config/places.ts"
import { createLog } from "./base/events/log.ts"
import { keepWithin } from "./base/events/upkeep.ts"
import type { Clock } from "./base/kit/clock.ts"
import { newId } from "./base/kit/ids.ts"
import { createLanes } from "./base/kit/lanes.ts"
import { TIMERS } from "./base/kit/timers.ts"
import { createMasks, type Logger, type Masks } from "./base/observe/logger.ts"
import { createDeltaMask } from "./base/observe/mask-deltas.ts"
import { maskJson } from "./base/observe/mask-json.ts"
import type { Platform } from "./base/platform/port.ts"
import { createProcesses } from "./base/platform/processes.ts"
import type { Reader } from "./base/storage/port.ts"
import { CARRIED } from "./carried.ts"
import { createControls } from "./domain/controls/controls.ts"
import { createKeys } from "./domain/keys/keys.ts"
import { createOffers } from "./domain/offers/offers.ts"
import { createProjects } from "./domain/projects/projects.ts"
import { createRaw } from "./domain/raw/raw.ts"
import { createRequests } from "./domain/requests/requests.ts"
import { createOutbox } from "./domain/sessions/outbox/outbox.ts"
import { createSessions } from "./domain/sessions/sessions.ts"
import { createTombstones } from "./domain/sessions/tombstones/tombstones.ts"
import { createTransfer } from "./domain/sessions/transfer/transfer.ts"
import { createSuggestions } from "./domain/suggestions/suggestions.ts"
import { openSearch } from "./domain/transcript/search/open.ts"
import { createStreaming } from "./domain/transcript/streaming.ts"
import { createTranscript } from "./domain/transcript/transcript.ts"
import { createAging } from "./domain/turns/aging/aging.ts"
import { createPrompts } from "./domain/turns/prompts/prompts.ts"
import { createTurns } from "./domain/turns/turns.ts"
import { createUsage } from "./domain/turns/usage/usage.ts"
import { createWorkerBook } from "./domain/workers/workers.ts"
import { createApi } from "./edge/http/api.ts"
import { createDoor } from "./edge/http/doors/door.ts"
import { openListeners } from "./edge/http/doors/listeners.ts"
import { createGate } from "./edge/http/guards.ts"
import { createRbac } from "./edge/http/rbac.ts"
import { createSeen } from "./edge/http/seen/seen.ts"
import { createHub } from "./edge/stream/hub.ts"
import { createSockets } from "./edge/stream/socket.ts"
import { createEvents } from "./edge/stream/sse.ts"
import type { Reloaded } from "./engine/host/host.ts"
import { createCodex } from "./engine/runtime/codex.ts"
import { reapSurvivors } from "./engine/runtime/reap.ts"
import { createActions } from "./flow/actions/perform.ts"
import { createActs } from "./flow/acts/acts.ts"
import { createCarryOver } from "./flow/acts/carry.ts"
import { createControlActs } from "./flow/acts/controls.ts"
import { createLife } from "./flow/acts/life.ts"
import { createProjectActs } from "./flow/acts/projects.ts"
import { createTells } from "./flow/acts/tells.ts"
import { createTranscriptActs } from "./flow/acts/transcript.ts"
import { createChild } from "./flow/child.ts"
import { drain } from "./flow/drain.ts"
import { createExtensions } from "./flow/extensions/extensions.ts"
import { noteWaiting } from "./flow/extensions/note.ts"
import { homeOfCodex, prepareCodexHome, rolloutFolders, tokenOf } from "./flow/files.ts"
import { createHealth } from "./flow/health.ts"
import { createContexts } from "./flow/ingest/contexts.ts"
import { createIngest } from "./flow/ingest/ingest.ts"
import { createOwed } from "./flow/ingest/owed.ts"
import { createOwn } from "./flow/ingest/own.ts"
import { createReconcile } from "./flow/ingest/past/reconcile.ts"
import { settleThePast } from "./flow/ingest/past/startup.ts"
import { hearChild } from "./flow/ingest/start.ts"
import { enqueueTool } from "./flow/jobs/enqueue-tool.ts"
import { createJobs } from "./flow/jobs/jobs.ts"
import { jobTable } from "./flow/jobs/table.ts"
import { createTriggers } from "./flow/jobs/triggers.ts"
import { audited } from "./flow/kept/audited.ts"
import { keepBounds } from "./flow/kept/bounds.ts"
import { createMeasures } from "./flow/kept/measures.ts"
import { openSeeing, openTrail } from "./flow/kept/seeing.ts"
import { openTracing } from "./flow/kept/tracing.ts"
import { tapped } from "./flow/kept/wire-log.ts"
import { createCapabilities } from "./flow/pass/capabilities.ts"
import { createPassing } from "./flow/pass/pass.ts"
import { createRollouts } from "./flow/rollouts/import.ts"
import type { Rooms } from "./flow/rooms.ts"
import { createMethodCache, createRunStore, houseIdOf, knownAliases } from "./flow/runs.ts"
import { openRuntime } from "./flow/runtime.ts"
import { openStore } from "./flow/store.ts"
import { openWorkers } from "./flow/workers/open.ts"
import { createSuggest } from "./flow/workers/suggest.ts"
import { version } from "./version.ts"

export interface HouseNeeds {
  config: Config
  platform: Platform
  log: Logger
  masks: Masks
  clock: Clock
}

export interface House extends AsyncDisposable {
  /** Where it listens. */
  urls: string[]
  /** A link that lets one browser in within a minute: for a terminal, never for a log. */
  loginLink(): string
  /** Loads all extensions anew or none; in the audit under that name. */
  reloadExtensions(actorId: string): Promise<Reloaded>
  /** Drains and closes everything; resolves when nothing of it is left. */
  close(reason: string): Promise<void>
}

const rawKept = (config: Config) => ({
  stored: config.rawItemsStored,
  maxAgeMs: config.rawItemsMaxAgeHours * 3_600_000,
  maxBytes: config.rawItemsMaxMib * 1024 * 1024,
})

/** Requests that are being answered get this long when the daemon stops. */
const ANSWER_GRACE_MS = 1_000

/** Opens the house. Rejects when the data folder is taken, the database is newer, or the address can't be listened on. */
export async function openHouse({ config, platform, log: logger, masks, clock }: HouseNeeds): Promise<House> {
  await using scope = new AsyncDisposableStack()
  const onFault = (error: unknown) => logger.error("a hearer failed", { error })
  const places = placesOf(config)
  const processes = createProcesses()

  const measures = createMeasures()
  const tracing = scope.use(await openTracing({ config, clock, logger, version }))
  const { db, mark, setAside } = scope.use(
    await openStore({
      config,
      platform,
      clock,
      logger,
      pid: processes.self,
      version,
      onCommit: measures.committed,
    }),
  )
  const token = config.apiAuth === "token" ? tokenOf(places.token, logger) : undefined

  const log = createLog({ db, clock, mark, log: logger })
  scope.use(measures.listen(log))
  scope.use(tracing.listen(log))
  const trail = scope.use(openTrail({ config, db, clock, onFault }))
  const houseId = await houseIdOf(db, newId())
  const hide = (secret: string) => masks.add(secret)
  const door = scope.use(createDoor({ config, db, clock, ownersToken: token, houseId, hide, onFault }))

  const runStore = createRunStore({ db, clock })
  const methodCache = createMethodCache(db, onFault)
  const codexHome = prepareCodexHome(places.codexHome, config)
  const { supervisor, stderrLog, use } = openRuntime({
    platform: config.log === "wire" ? { spawn: tapped(platform.spawn, { clock, logger }) } : platform,
    clock,
    processes,
    config,
    codexHome,
    houseId,
    runStore,
    methodCache,
    log: logger,
    logFolder: places.logs,
    version,
    mask: masks.apply,
    onCall: measures.called,
    traceCall: tracing.traceCall,
  })
  scope.use(stderrLog)
  // What people answered to secret questions; pieces of streams are looked at for these alone.
  const answers = createMasks()
  const codex = createCodex({
    supervisor,
    runStore,
    rawEvents: config.rawEvents,
    aliases: knownAliases(db),
    mask: { json: (text) => maskJson(masks, text), piece: createDeltaMask(answers) },
    onFault,
  })
  scope.use(codex)
  const child = createChild({
    codex,
    clock,
    sessionOf: (id) => sessions.find(id),
    hasCompleted: (id) => turns.hasCompleted(id),
    keepAlias: (alias) => life.keepAlias(alias),
    loaded: (threadId) => rooms.outbox.nudge(threadId),
  })

  const controls = createControls({
    db,
    log,
    locked: config.sessionDefaultsLocked,
    audienceOf: (id, reader) => ({ thread: id, hidden: sessions.find(id, reader)?.systemOwned ?? false }),
    configured: {
      model: null,
      approvalPolicy: config.defaultApprovalPolicy,
      networkAccess: config.defaultNetworkAccess,
      filesystemSandbox: config.defaultSandboxMode,
      settings: {},
    },
  })
  const sessions = createSessions({
    db,
    log,
    clock,
    controls,
    codex: child,
    defaultCwd: config.workspaceRoot,
  })
  const audienceOf = (id: string, reader?: Reader) => ({
    thread: id,
    hidden: sessions.find(id, reader)?.systemOwned ?? false,
  })
  const transcript = createTranscript({ db, clock, log, audienceOf })
  const lanes = createLanes()
  const prompts = createPrompts({ db, log, clock, audienceOf })
  const turns = createTurns({
    db,
    log,
    clock,
    controls,
    sessions,
    transcript,
    prompts,
    codex: child,
    lanes,
    onFault,
    mask: masks.apply,
    deleted: (id, reader) => rooms.tombstones.fault(id, reader) ?? rooms.transfer.refusal(id, reader),
    takenBack: (tx, id, turnIds) => requests.takenBack(tx, id, turnIds),
    abandon: (turn) => acts.abandon(turn),
  })
  const requests = createRequests({
    db,
    log,
    clock,
    transcript,
    codex: child,
    audienceOf,
    onAccepted: (sessionId) => carry.wake(sessionId),
    hide(secret) {
      masks.add(secret)
      answers.add(secret)
    },
    limits: {
      approval: config.approvalDeadlineMs,
      toolInput: config.toolInputDeadlineMs,
      elicitation: config.elicitationDeadlineMs,
      toolCall: config.toolCallDeadlineMs,
    },
    onFault,
  })
  scope.use(requests)
  const rooms: Rooms = {
    sessions,
    tombstones: scope.use(createTombstones({ db, log, clock })),
    outbox: createOutbox({
      db,
      clock,
      logger,
      lanes,
      refused: (tx, row) => life.refused(tx, row),
      child: createTells({
        codex,
        sessionOf: (id) => sessions.find(id),
        codexHome: homeOfCodex(codexHome, config),
      }),
    }),
    projects: createProjects({ db, log, clock }),
    controls,
    turns,
    transcript,
    streaming: createStreaming(),
    transfer: createTransfer({ db, log, clock, sessions, controls }),
    raw: scope.use(createRaw({ db, clock, keep: rawKept(config), onFault })),
    search: openSearch({ db, clock, titleOf: sessions.titleOf }),
    usage: createUsage({ db, clock, threadOf: (tx, id) => sessions.find(id, tx)?.thread }),
    requests,
    suggestions: createSuggestions({ db, log, clock, audienceOf }),
    workerBook: createWorkerBook({ db }),
    offers: createOffers({ db, clock, enabled: config.orchestratorQueueEnabled }),
    codex,
  }

  const contexts = scope.use(createContexts({ sessions, log }))
  const carry = scope.use(createCarryOver({ db, clock, logger, rooms }))
  const acts = createActs({ db, rooms, log, clock, contexts, carry })
  const owed = createOwed({ db, logger })
  const ingest = createIngest({
    db,
    log,
    logger,
    clock,
    rooms,
    acts,
    contexts,
    carry,
    own: createOwn({ rooms, clock, onFault, ownTools: (...call) => workers.tool(...call) }),
    owed,
    noteUnknown: supervisor.noteUnknown,
  })
  const readyRun = () => (supervisor.ready() ? supervisor.state().runId : undefined)
  const reconcile = createReconcile({ db, log, rooms, logger, readyRun })
  rooms.transfer.sweep().catch(onFault)
  settleThePast({ db, log, rooms, acts, owed })
  requests.start()
  rooms.raw.start()
  scope
    .use(createAging({ db, log, clock, lanes, maxAgeMs: config.transcriptMaxAgeDays * 86_400_000, onFault }))
    .start()

  scope.use(hearChild({ supervisor, codex, ingest, acts, carry, reconcile, owed, db, log, logger }))

  const life = createLife({ db, log, clock, rooms, joined: (tx, id) => noteWaiting(rooms, tx, id) })
  const keys = createKeys({ db, clock })
  const trustMode = config.agentExtensionTrustMode
  const actions = createActions({ db, clock, rooms, keys, trustMode, jobs: () => jobs })
  const perform = audited(actions.perform, { clock, logger, trail, auditFailed: measures.auditFailed })
  const enqueue = enqueueTool(() => jobs)
  const doors = { perform, enqueue, carried: CARRIED }
  const extensions = scope.use(
    createExtensions({ config, platform, clock, db, log, logger, rooms, onFault, ...doors }),
  )
  const timeoutMs = config.orchestratorQueueDefaultTimeoutMs
  const webhook = { clock, secret: config.webhookSigningSecret }
  const workers = openWorkers({
    config,
    clock,
    db,
    log,
    rooms,
    life,
    perform,
    loaded: () => extensions.agents(),
    whenLoaded: () => loading,
    onFault,
  })
  const agents = { config, workers }
  const kinds = jobTable({ rooms, life, keys, find: reconcile.find, timeoutMs, webhook, agents })
  const jobs = createJobs({ config, db, log, clock, logger, kinds, audienceOf, measures })
  const triggers = scope.use(createTriggers({ db, clock, masks, jobs, onFault }))

  const mostListeners = config.streamMaxListeners
  const hub = createHub({ log, platform, clock, onError: onFault, mostListeners })
  const sockets = createSockets(hub)
  const maxLagBytes = config.streamMaxLagMib * 1024 * 1024
  const events = createEvents({ hub, clock, logId: log.id, maxLagBytes })
  const counted = { measures, rooms, supervisor, extensions, jobs, hub }
  const seeing = openSeeing({ config, places, clock, db, log, pid: processes.self, ...counted })
  const bounds = scope.use(keepBounds({ config, clock, logger, supervisor, rooms, use, pid: processes.self }))
  const capabilities = createCapabilities({ supervisor, clock })
  const { health, healthStatus, readiness } = createHealth({
    bounds: bounds.reasons,
    extensions,
    capabilities,
    config,
    codexHome,
    supervisor,
    codex,
    db,
    log,
    hub,
    requests,
    turns,
    outbox: rooms.outbox,
    clock,
    places,
    jobs,
  })
  const api = createApi({
    trail,
    metrics: seeing.metrics,
    seen: createSeen({ clock, logger, measures, trail, trace: tracing.trace, ...seeing }),
    extensions,
    rbac: createRbac(config),
    rooms,
    life,
    carry,
    projectActs: createProjectActs({ db, rooms, life }),
    transcriptActs: createTranscriptActs({ db, masks, rooms }),
    rollouts: createRollouts({ rooms, clock, folders: rolloutFolders(codexHome, config) }),
    controlActs: createControlActs({ db, clock, masks, rooms }),
    reconcile,
    keys,
    jobs,
    schedules: triggers.schedules,
    hooks: triggers.hooks,
    suggest: createSuggest({ config, clock, rooms, jobs, extensions }),
    db,
    passing: createPassing({ codex, supervisor, clock, masks, onFault }),
    capabilities,
    rpc: config.apiRpc,
    pageParts: platform.pageParts,
    gate: createGate({
      find: reconcile.find,
      known: (id) => sessions.find(id),
      deleted: rooms.tombstones.fault,
    }),
    sockets,
    events,
    version,
    health,
    healthStatus,
    readiness,
    logger,
    door,
    clock,
  })
  const listener = await openListeners({
    platform,
    config,
    places,
    logger,
    spec: { fetch: api.fetch, socket: sockets.handlers, maxLagBytes, maxBodyBytes: 1025 * 1024 * 1024 },
  })
  door.openedAt(listener.url)
  logger.info("codexd is listening", {
    url: listener.url,
    dataDir: config.dataDir,
    socket: listener.socket ?? null,
  })

  clock.soon(setAside)

  const limits = {
    maxAgeMs: config.eventsMaxAgeHours * 3_600_000,
    maxBytes: config.eventsMaxMib * 1024 * 1024,
  }
  scope.use(keepWithin({ log, clock, limits, logger }))
  scope.use(clock.every(TIMERS.glanceMs, () => void reconcile.glance()))

  const loading = extensions.start()

  // What a killed daemon left goes before the first child comes; clients are let in meanwhile.
  let stopping = false
  const started = reapSurvivors({ processes, clock, houseId, runs: runStore.unfinished(), log: logger })
    .then(async () => {
      for (const run of runStore.unfinished()) await runStore.ended(run.id)
    })
    .catch(onFault)
    .then(() => {
      if (stopping) return
      supervisor.start()
      jobs.start().then(triggers.start).catch(onFault)
    })

  const built = scope.move()
  let closing: Promise<void> | undefined
  async function shut(reason: string): Promise<void> {
    logger.info("codexd is stopping", { reason })
    stopping = true
    triggers[Symbol.dispose]()
    await Promise.all([drain({ rooms, log, clock }, config.drainGraceMs), jobs.drain()])
    await started
    await supervisor.stop({})
    hub.close()
    await listener.stop(ANSWER_GRACE_MS)
    await built.disposeAsync()
    logger.info("codexd has stopped", { reason })
  }
  const close = (reason: string): Promise<void> => {
    closing ??= shut(reason)
    return closing
  }
  return {
    urls: [listener.url],
    loginLink: () => `${door.loginUrl()}#${door.codes.make(["admin"]).code}`,
    close,
    reloadExtensions: extensions.reloadByHand,
    [Symbol.asyncDispose]: () => close("disposed"),
  }
}
