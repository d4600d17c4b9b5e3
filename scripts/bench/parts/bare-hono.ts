// The floor for anything that answers: Hono with one route. Says its port as the daemon does, on stderr. With a number its
// answer is a fixed text of so many bytes.

import { Hono } from "hono"

const size = Number(process.argv[2] ?? 0)
const fixed = "x".repeat(size)
const app = new Hono().get("/api", (c) => (size > 0 ? c.text(fixed) : c.json({ name: "bare", version: "0" })))
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: app.fetch })
process.stderr.write(`{"message":"codexd is listening","url":"http://127.0.0.1:${server.port}"}\n`)
