export { engineVersion, type EngineVersion } from "./engine-version.js"
export { exportfsReload } from "./exportfs.js"
export { directoryAttributes } from "./lsattr.js"
