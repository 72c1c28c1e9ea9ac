import { serveWork } from "../../jobs/work-body.js"
import type { DrillInput } from "./questions.js"
import { holdDrills } from "./hold-drills.js"

serveWork((context, input, ask) => holdDrills(context, input as DrillInput, ask))
