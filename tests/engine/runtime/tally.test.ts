import { expect, test } from "bun:test"
import { openRuntime } from "./support.ts"

test("unknown notifications are counted by name; who makes up names without end fills no memory", async () => {
  await using rt = openRuntime()
  const { noteUnknown, state } = rt.supervisor
  for (let name = 0; name < 600; name++) noteUnknown(`made/up/${name}`)
  noteUnknown("made/up/7")
  const counts = state().unknownNotifications
  expect(Object.keys(counts).length).toBe(501)
  expect(counts).toMatchObject({ "made/up/7": 2, "made/up/499": 1, "…others": 100 })
  expect(counts["made/up/500"]).toBeUndefined()
})
