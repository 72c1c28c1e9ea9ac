export { engineVersion, type EngineVersion } from "./engine-version.js"
export { exportfsReload } from "./exportfs.js"
export { ganeshaBus, type GaneshaBusOptions } from "./ganesha-bus.js"
