export { type Disk, listDisks } from "./disks.js"
export { diskFindings, type HardwareFinding, type Memory, memoryFindings } from "./findings.js"
export { parseSmart, type SmartFigures, type SmartReport } from "./smart.js"
