export { type ApplyParts, documentFromText, type DocumentShelf, textOfDocument } from "./apply.js"
export { FleetKeeper, type FleetKeeperParts, type LentRepository } from "./fleet-keeper.js"
export { LocalAdministration, type LocalAdministrationParts } from "./local-administration.js"
export { AdministratorViews } from "./views.js"
