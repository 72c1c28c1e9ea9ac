export {
  DsmClient,
  type LoginMemory,
  type LoginRecord,
  parseDsmAddress,
  SynologyQuotas,
} from "./synology/index.js"
export { TrueNasClient, TrueNasQuotas } from "./truenas/index.js"
