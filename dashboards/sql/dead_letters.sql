-- Dead letters
-- What no stage could process, by reason.
SELECT stage, code, count() AS messages, max(occurred_at) AS newest
FROM dead_letters
WHERE occurred_at >= {since:DateTime64(6, 'UTC')}
GROUP BY stage, code
ORDER BY messages DESC
