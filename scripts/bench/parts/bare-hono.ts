// The floor for anything that answers: Hono with one route. Says its port as the daemon does, on stderr.

import { Hono } from "hono"

const app = new Hono().get("/api", (c) => c.json({ name: "bare", version: "0" }))
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: app.fetch })
process.stderr.write(`{"message":"codexd is listening","url":"http://127.0.0.1:${server.port}"}\n`)
