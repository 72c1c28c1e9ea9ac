export type { DirectoryAdministration } from "./directory-routes.js"
export type { FindingAdministration, FindingsQuery } from "./findings-routes.js"
export type { QuotaAdministration } from "./quota-routes.js"
export { type Administration, adminRoutes } from "./routes.js"
