export { DsmClient, type LoginMemory, type LoginRecord, parseDsmAddress } from "./synology/index.js"
export { TrueNasClient } from "./truenas/index.js"
