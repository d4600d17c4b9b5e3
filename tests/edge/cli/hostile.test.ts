// A repository must not be able to steer the daemon that is started in it: neither `.env` nor `bunfig.toml` of the working
// directory counts, from source and compiled (decisions 35).

import { expect, test } from "bun:test"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Form, runProgram, testFolder } from "../../support/program.ts"

const FORMS: Form[] = ["source", "compiled", "node"]

/** A folder whose files would choose port, log level and program, and run code before ours. */
function hostileFolder() {
  const folder = testFolder("hostile")
  const proof = join(folder.path, "preloaded")
  const preload = join(folder.path, "preload.ts")
  const hostile = "PORT=nonsense\nCODEX_BIN=/bin/false\nHOSTILE=1\n"
  for (const name of [".env", ".env.local", ".env.development", ".env.production"]) {
    writeFileSync(join(folder.path, name), hostile)
  }
  writeFileSync(preload, `require("node:fs").writeFileSync(${JSON.stringify(proof)}, "ran")\n`)
  writeFileSync(
    join(folder.path, "bunfig.toml"),
    `preload = ["./preload.ts"]\n[run]\npreload = ["./preload.ts"]\n`,
  )
  return { ...folder, proof }
}

test.each(FORMS)("%s: a hostile .env and bunfig.toml are not loaded", async (form) => {
  using folder = hostileFolder()
  const cwd = folder.path
  // `token` reads the whole configuration: with the hostile PORT it would be refused for that.
  const { code, err } = await runProgram({ form, args: ["token"], cwd })
  expect({ code, err }).toEqual({
    code: 1,
    err: `codexd: there is no API token in ${cwd}/.data/api-token; start the daemon once to make it\n`,
  })
  expect(existsSync(folder.proof)).toBe(false)
})

test("the traps do work where they are not defused", async () => {
  using folder = hostileFolder()
  const child = Bun.spawn([process.execPath, "-e", "console.log(process.env.HOSTILE)"], {
    cwd: folder.path,
    stdout: "pipe",
  })
  expect(await new Response(child.stdout).text()).toBe("1\n")
  expect(await child.exited).toBe(0)
  writeFileSync(join(folder.path, "any.ts"), "")
  await Bun.spawn([process.execPath, "any.ts"], { cwd: folder.path }).exited
  expect(existsSync(folder.proof)).toBe(true)
})

test("an env file that is named is read, and the environment wins over it", async () => {
  using folder = testFolder("env-file")
  const cwd = folder.path
  writeFileSync(join(cwd, "my.env"), "export PORT=nonsense\nAPI_AUTH='maybe'\n")
  const env = { PORT: "4000" }
  const { code, err } = await runProgram({
    form: "source",
    args: ["token", "--env-file", "my.env"],
    cwd,
    env,
  })
  expect({ code, err }).toEqual({
    code: 1,
    err: `codexd: The configuration can't be used:\n  API_AUTH: "maybe" is none of them; accepted: token | none\n`,
  })
  const missing = await runProgram({ form: "source", args: ["token", "--env-file", "no.env"], cwd })
  expect(missing.err).toBe(`codexd: --env-file: there is no ${cwd}/no.env\n`)
})
