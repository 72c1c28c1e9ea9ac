export { engineVersion, type EngineVersion } from "./engine-version.js"
