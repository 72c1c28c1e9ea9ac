export { aclOf, setAccessAcl, setDefaultAcl } from "./acl.js"
export {
  btrfsDelete,
  btrfsIsReadOnly,
  btrfsLimit,
  btrfsQgroupTable,
  btrfsQuotaEnable,
  btrfsQuotaRescan,
  btrfsSnapshot,
  btrfsSubvolumeId,
} from "./btrfs.js"
export { copyTree, syncFilesystem } from "./copy-tree.js"
export { type EngineRun, GIVEN_REPOSITORY, runEngine } from "./engine.js"
export { engineVersion, type EngineVersion } from "./engine-version.js"
export { exportfsReload } from "./exportfs.js"
export { type FileCalls, fileCalls, fileCallsIfThere, type SpecialKind } from "./file-calls.js"
export { ganeshaBus, type GaneshaBusOptions } from "./ganesha-bus.js"
export {
  chattrNoProject,
  chattrProject,
  lsattrProject,
  type ProjectLimits,
  repquotaProjects,
  setquotaProject,
} from "./project-quota.js"
export { type OpenDirectory, type ToolRunner } from "./tool.js"
export { xfsLimitProject, xfsProjectReport, xfsProjectTree } from "./xfs-quota.js"
export { type ZfsProgram, zfsProgram } from "./zfs.js"
export { directoryAttributes } from "./lsattr.js"
export { machineFigures, type MachineFigures } from "./machine.js"
export { smartctlReport } from "./smartctl.js"
