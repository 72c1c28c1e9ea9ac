export { FilesystemSnapshotsAdministration, type FilesystemSnapshotsParts } from "./filesystem-snapshots.js"
