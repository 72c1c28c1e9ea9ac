export type { DirectoryAdministration } from "./directory-routes.js"
export { type Administration, adminRoutes } from "./routes.js"
