export { type Administration, adminRoutes } from "./routes.js"
