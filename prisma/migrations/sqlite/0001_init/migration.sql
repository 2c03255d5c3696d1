-- CreateTable
CREATE TABLE "Member" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "lastSeenAt" DATETIME,
    "address" TEXT,
    "version" TEXT
);

-- CreateTable
CREATE TABLE "JoinToken" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "memberId" TEXT NOT NULL,
    "secretHash" BLOB NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "expiresAt" DATETIME NOT NULL,
    "usedAt" DATETIME,
    CONSTRAINT "JoinToken_memberId_fkey" FOREIGN KEY ("memberId") REFERENCES "Member" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Certificate" (
    "serial" TEXT NOT NULL PRIMARY KEY,
    "subject" TEXT NOT NULL,
    "notBefore" DATETIME NOT NULL,
    "notAfter" DATETIME NOT NULL,
    "revokedAt" DATETIME
);

-- CreateTable
CREATE TABLE "AccessPair" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "protocol" TEXT NOT NULL,
    "fromId" TEXT NOT NULL,
    "fromAddress" TEXT NOT NULL,
    "fromPort" INTEGER,
    "toId" TEXT NOT NULL,
    "toAddress" TEXT NOT NULL,
    "toPort" INTEGER,
    "enabled" BOOLEAN NOT NULL,
    "expiresAt" DATETIME,
    "createdAt" DATETIME NOT NULL,
    "listenerKey" TEXT NOT NULL,
    CONSTRAINT "AccessPair_fromId_fkey" FOREIGN KEY ("fromId") REFERENCES "Member" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "AccessPair_toId_fkey" FOREIGN KEY ("toId") REFERENCES "Member" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Circuit" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "from" TEXT NOT NULL,
    "to" TEXT NOT NULL,
    "transport" TEXT NOT NULL,
    "relay" TEXT NOT NULL,
    "firstPort" INTEGER NOT NULL,
    "secondPort" INTEGER NOT NULL,
    "datapath" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "endedAt" DATETIME,
    "code" TEXT,
    "sent" BIGINT NOT NULL DEFAULT 0,
    "received" BIGINT NOT NULL DEFAULT 0
);

-- CreateTable
CREATE TABLE "AuditEvent" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "at" DATETIME NOT NULL,
    "actor" TEXT NOT NULL,
    "origin" TEXT,
    "action" TEXT NOT NULL,
    "subject" TEXT,
    "code" TEXT,
    "detail" TEXT NOT NULL
);

-- CreateTable
CREATE TABLE "Sequence" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "value" INTEGER NOT NULL
);

-- CreateTable
CREATE TABLE "ApiToken" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "hash" BLOB NOT NULL,
    "createdAt" DATETIME NOT NULL
);

-- CreateIndex
CREATE UNIQUE INDEX "Member_kind_name_key" ON "Member"("kind", "name");

-- CreateIndex
CREATE INDEX "JoinToken_memberId_idx" ON "JoinToken"("memberId");

-- CreateIndex
CREATE INDEX "Certificate_subject_idx" ON "Certificate"("subject");

-- CreateIndex
CREATE INDEX "Certificate_notAfter_idx" ON "Certificate"("notAfter");

-- CreateIndex
CREATE UNIQUE INDEX "AccessPair_name_key" ON "AccessPair"("name");

-- CreateIndex
CREATE INDEX "AccessPair_toId_idx" ON "AccessPair"("toId");

-- CreateIndex
CREATE UNIQUE INDEX "AccessPair_fromId_listenerKey_key" ON "AccessPair"("fromId", "listenerKey");

-- CreateIndex
CREATE INDEX "Circuit_endedAt_idx" ON "Circuit"("endedAt");

-- CreateIndex
CREATE INDEX "AuditEvent_action_id_idx" ON "AuditEvent"("action", "id");

-- CreateIndex
CREATE INDEX "AuditEvent_subject_id_idx" ON "AuditEvent"("subject", "id");

-- CreateIndex
CREATE UNIQUE INDEX "ApiToken_name_key" ON "ApiToken"("name");
