-- The role that KEDA asks with (deploy/kubernetes/overlays/production/scaling.yaml): it sees how much
-- is due and not what it is. Run it in Patchbay's database after `patchbay migrate`, then
-- ALTER ROLE patchbay_scaling PASSWORD '…'.
CREATE ROLE patchbay_scaling LOGIN CONNECTION LIMIT 10;
GRANT SELECT (work_state, available_at) ON tickets, event_outbox, bulk_chunks TO patchbay_scaling;
GRANT SELECT (work_state, available_at, channel, receiver) ON deliveries TO patchbay_scaling;
GRANT SELECT (id, enabled) ON subscriptions TO patchbay_scaling;
GRANT SELECT (subscription_id, blocked_until) ON endpoint_health TO patchbay_scaling;
ALTER ROLE patchbay_scaling SET statement_timeout = '5s';
ALTER ROLE patchbay_scaling SET default_transaction_read_only = on;
