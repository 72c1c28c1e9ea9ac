export { ByteReader } from "./byte-reader.js"
export { isJsonObject, JsonFields, type JsonObject, parseJson } from "./json.js"
export { LzOutput } from "./lz-output.js"
export { zstdDecompress } from "./zstd.js"
