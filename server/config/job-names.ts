/** The kinds of jobs that there are, for editors that complete the document. The daemon itself goes by what it can do. */
export const jobNames: readonly string[] = ["tidy", "scrub", "verify", "verify-deep", "anomalies", "drill"]
