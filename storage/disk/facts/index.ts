export { type Advice, adviceFor } from "./advice.js"
export { attributesMatter, type DirectoryAttributes, parseAttributes, withAttributes } from "./attributes.js"
export { type FilesystemFacts, filesystemFacts } from "./filesystem-facts.js"
