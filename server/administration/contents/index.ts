export { Contents, type ContentsPartsOfDaemon } from "./contents.js"
