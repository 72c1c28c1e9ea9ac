import { serveWork } from "../../jobs/work-body.js"
import { lookForAnomalies } from "./look.js"
import type { AnomaliesInput } from "./questions.js"

serveWork((context, input, ask) => lookForAnomalies(context, input as AnomaliesInput, ask))
