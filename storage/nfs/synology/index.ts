export { administratorSteps } from "./administrator-steps.js"
export { type OwnRules, type OwnRulesStore, parseOwnRules } from "./own-rules.js"
export { SynologyServer } from "./server.js"
