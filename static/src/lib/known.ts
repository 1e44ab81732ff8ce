/** The query of a day and, if one was chosen, of the instant as of whose knowledge figures are made. */
export const momentQuery = (day: string, known?: string) => ({ as_of: day, ...(known ? { as_known: known } : {}) })

/** Where the rows behind a figure are: the list of assets has only what is known now. */
export const rowsBehind = (query: Record<string, string | undefined>) => ({ path: query.as_known ? '/progress/rows' : '/assets', query })
