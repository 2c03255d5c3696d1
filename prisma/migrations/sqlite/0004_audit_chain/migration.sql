-- AlterTable
ALTER TABLE "AuditEvent" ADD COLUMN "previous" TEXT NOT NULL DEFAULT '';
ALTER TABLE "AuditEvent" ADD COLUMN "hash" TEXT NOT NULL DEFAULT '';
ALTER TABLE "AuditEvent" ADD COLUMN "portal" TEXT;
ALTER TABLE "AuditEvent" ADD COLUMN "peer" TEXT;
ALTER TABLE "AuditEvent" ADD COLUMN "pair" TEXT;
ALTER TABLE "AuditEvent" ADD COLUMN "stream" TEXT;

-- CreateIndex
CREATE INDEX "AuditEvent_at_idx" ON "AuditEvent"("at");
CREATE INDEX "AuditEvent_portal_id_idx" ON "AuditEvent"("portal", "id");
CREATE INDEX "AuditEvent_peer_id_idx" ON "AuditEvent"("peer", "id");
CREATE INDEX "AuditEvent_pair_id_idx" ON "AuditEvent"("pair", "id");
CREATE INDEX "AuditEvent_stream_idx" ON "AuditEvent"("stream");

-- Where the chain begins for a database that has events already: they get their hashes when the server starts.
INSERT INTO "Sequence" ("name", "value") SELECT 'audit', "id" FROM "AuditEvent" ORDER BY "id" DESC LIMIT 1;

-- Append-only: against a slip rather than against somebody who can change the database, whom the hashes show.
CREATE TRIGGER "AuditEvent_no_update" BEFORE UPDATE ON "AuditEvent" WHEN OLD."hash" <> ''
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END;
CREATE TRIGGER "AuditEvent_no_delete" BEFORE DELETE ON "AuditEvent" WHEN OLD."id" > COALESCE((SELECT "value" FROM "Sequence" WHERE "name" = 'audit_pruned'), 0)
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END;
