-- Results by status
-- How requests ended.
SELECT status, sum(r.results) AS results, round(100 * results / sum(results) OVER (), 2) AS percent
FROM results_overview(since = {since:DateTime64(6, 'UTC')}) AS r
GROUP BY status
ORDER BY results DESC
