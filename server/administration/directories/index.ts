export { Directories, type DirectoriesParts } from "./directories.js"
