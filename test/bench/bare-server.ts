// The least that Node's own server can do for a question: a map, an answer, no log. The floor that `/exists` is held against.
import { createServer } from "node:http"

const answers = new Map<string, string>()
for (let volume = 0; volume < 10_000; volume++) {
  const [namespace, pvc] = [`ns-${volume % 25}`, `app-${volume}`]
  const body = { exists: true, decision: "restore", authoritative: true, namespace, pvc, backend: "kopia-fs" }
  answers.set(`/exists/${namespace}/${pvc}`, JSON.stringify(body) + "\n")
}

createServer((request, response) => {
  const body = answers.get(request.url ?? "")
  response.writeHead(body === undefined ? 404 : 200, {
    "content-type": "application/json",
    "content-length": body === undefined ? 0 : Buffer.byteLength(body),
  })
  response.end(body)
}).listen(Number(process.env.PORT), "127.0.0.1")
