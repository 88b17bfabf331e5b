-- Results by status
-- How requests ended.
SELECT status, count() AS results, round(100 * results / sum(results) OVER (), 2) AS percent
FROM results
WHERE completed_at >= {since:DateTime64(6, 'UTC')}
GROUP BY status
ORDER BY results DESC
