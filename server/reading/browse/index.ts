export type { BrowseStream } from "./browse-thread.js"
export { type BrowsePlace, BrowseThreads, hanging } from "./browse-threads.js"
export type { BrowseHead, BrowseNote, BrowseRequest, Spot } from "./requests.js"
