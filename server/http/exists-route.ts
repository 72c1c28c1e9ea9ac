import { isNamespace, isPvcName, type VolumeName } from "../../storage/identity/index.js"

// What the hot path answers. The URL is taken as it came: nobody has decoded, joined or cleaned it, so that ".." and
// encoded slashes stay what they are, names that no volume can have.

export type Route =
  | {
      readonly kind: "exists"
      readonly cluster: string | undefined
      readonly volume: VolumeName
      readonly evidence: boolean
    }
  /** Asked for a volume by a path that can mean none. */
  | { readonly kind: "bad_path" }
  | { readonly kind: "healthz" | "readyz" | "metrics" }
  | { readonly kind: "other" }

/** Bytes of a URL that can still name a volume; a namespace and a PVC have 63 and 253 at most, three times that encoded. */
const LONGEST_URL = 8 * 1024

const BAD_PATH: Route = { kind: "bad_path" }
const OTHER: Route = { kind: "other" }
const FIXED = new Map<string, Route>([
  ["/healthz", { kind: "healthz" }],
  ["/readyz", { kind: "readyz" }],
  ["/metrics", { kind: "metrics" }],
])

/** Says what a request target of HTTP/1.1 (path and query) asks for. */
export function routeOf(url: string): Route {
  const path = pathOf(url)
  if (path.startsWith("/exists/")) return existsRoute(url, path, undefined, path.slice("/exists/".length))
  if (path.startsWith("/clusters/")) return clusterRoute(url, path)
  if (path === "/exists") return BAD_PATH
  return FIXED.get(path) ?? OTHER
}

/** The URL up to its query. */
export function pathOf(url: string): string {
  const query = url.indexOf("?")
  return query < 0 ? url : url.slice(0, query)
}

function clusterRoute(url: string, path: string): Route {
  const start = "/clusters/".length
  const end = path.indexOf("/", start)
  if (end < 0) return OTHER
  const rest = path.slice(end)
  if (rest !== "/exists" && !rest.startsWith("/exists/")) return OTHER
  const cluster = path.slice(start, end)
  // A cluster is named as a namespace is: a DNS label.
  return isNamespace(cluster) ? existsRoute(url, path, cluster, rest.slice("/exists/".length)) : BAD_PATH
}

function existsRoute(url: string, path: string, cluster: string | undefined, rest: string): Route {
  if (url.length > LONGEST_URL) return BAD_PATH
  const slash = rest.indexOf("/")
  if (slash < 0 || rest.includes("/", slash + 1)) return BAD_PATH
  const namespace = decoded(rest.slice(0, slash))
  const pvc = decoded(rest.slice(slash + 1))
  if (namespace === undefined || pvc === undefined) return BAD_PATH
  if (!isNamespace(namespace) || !isPvcName(pvc)) return BAD_PATH
  return { kind: "exists", cluster, volume: { namespace, pvc }, evidence: asksForEvidence(url, path) }
}

function decoded(segment: string): string | undefined {
  if (!segment.includes("%")) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    // Not UTF-8 or not percent-encoding at all: no name of anything.
    return undefined
  }
}

function asksForEvidence(url: string, path: string): boolean {
  return (
    url.length > path.length &&
    url
      .slice(path.length + 1)
      .split("&")
      .includes("evidence=1")
  )
}
