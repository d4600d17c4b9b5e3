// The queue of the house over the rooms in memory, through the whole of HTTP.

import type { Config } from "../../src/base/config/config.ts"
import { Fault } from "../../src/base/fault.ts"
import { createKeys } from "../../src/domain/keys/keys.ts"
import { createApi } from "../../src/edge/http/api.ts"
import { createGate } from "../../src/edge/http/guards.ts"
import { createJobs } from "../../src/flow/jobs/jobs.ts"
import { jobTable } from "../../src/flow/jobs/table.ts"
import { createTriggers } from "../../src/flow/jobs/triggers.ts"
import { held } from "./described.ts"
import { openDoor } from "./doors.ts"
import { createToldChild, openRooms } from "./rooms.ts"

const CONFIG = {
  orchestratorQueueEnabled: true,
  orchestratorQueueGlobalConcurrency: 2,
  orchestratorQueueProjectConcurrency: 1,
  orchestratorQueueMaxPerProject: 2,
  orchestratorQueueMaxGlobal: 500,
  orchestratorQueueBackgroundAgingMs: 15_000,
  orchestratorQueueMaxInteractiveBurst: 3,
  orchestratorQueueKeepPerProject: 200,
  orchestratorQueueMaxAgeHours: 1,
}
export async function startJobs(
  config: Partial<typeof CONFIG> = {},
  child = createToldChild(),
  token?: string,
) {
  const house = openRooms(child)
  Object.assign(house.child, {
    readThread: async () => {
      throw new Fault("not_found", "thread not loaded")
    },
  })
  const keys = createKeys({ db: house.db, clock: house.clock })
  const jobs = createJobs({
    ...house,
    config: { ...CONFIG, ...config } as Config,
    kinds: jobTable({
      ...house,
      keys,
      find: house.reconcile.find,
      timeoutMs: 60_000,
      webhook: { clock: house.clock, secret: undefined },
    }),
    audienceOf: (id) => ({ thread: id, hidden: house.rooms.sessions.find(id)?.systemOwned ?? false }),
  })
  const triggers = createTriggers({
    ...house,
    jobs,
    onFault: (error) => void house.faults.push(error),
  })
  const api = createApi({
    ...house,
    keys,
    jobs,
    schedules: triggers.schedules,
    hooks: triggers.hooks,
    gate: createGate({ find: house.reconcile.find, known: () => undefined, deleted: () => undefined }),
    door: openDoor({ ...house, token }),
    version: "test",
    health: () => ({ status: "ok" }),
  } as never)
  const peer = {
    address: "127.0.0.1",
    loopback: true,
    upgrade: () => false,
    holdOpen: () => {},
    letGo: () => {},
  }
  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const request = new Request(`http://127.0.0.1/api${path}`, {
      method,
      headers: {
        host: "127.0.0.1",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    })
    const response = await house.settle(held(api).fetch(request, peer))
    retryAfter = response?.headers.get("retry-after") ?? null
    return [response?.status, await response?.json()]
  }
  let retryAfter: string | null = null
  const enqueue = async (type: string, payload: object, more: object = {}) =>
    (await house.settle(jobs.queue().enqueue({ type, owner: "P", payload, ...more }))).job
  const session = async () => (await house.settle(house.rooms.sessions.create({}))).session.sessionId
  const over = (id: string) => house.settle(jobs.queue().over(id))
  await house.settle(jobs.start())
  const pause = (type?: string) => house.settle(jobs.queue().pause(type))
  return { house, jobs, triggers, call, enqueue, session, over, pause, retryAfter: () => retryAfter }
}
