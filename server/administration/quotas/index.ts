export { quotaMetrics } from "./quota-metrics.js"
export { Quotas, type QuotasParts } from "./quotas.js"
export { quotasOf } from "./quotas-of.js"
