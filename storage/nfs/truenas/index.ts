export { TrueNasServer } from "./server.js"
