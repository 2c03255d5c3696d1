-- AlterTable
ALTER TABLE "ApiToken" ADD COLUMN "role" TEXT NOT NULL DEFAULT 'admin';
ALTER TABLE "ApiToken" ADD COLUMN "expiresAt" DATETIME;
ALTER TABLE "ApiToken" ADD COLUMN "lastUsedAt" DATETIME;

-- CreateIndex
CREATE UNIQUE INDEX "ApiToken_hash_key" ON "ApiToken"("hash");

-- CreateTable
CREATE TABLE "LocalAdmin" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "passwordHash" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "lastSignInAt" DATETIME
);

-- CreateIndex
CREATE UNIQUE INDEX "LocalAdmin_name_key" ON "LocalAdmin"("name");

-- A session of before has no actor: who has one signs in again.
DROP TABLE "AdminSession";

-- CreateTable
CREATE TABLE "AdminSession" (
    "hash" TEXT NOT NULL PRIMARY KEY,
    "actor" TEXT NOT NULL,
    "role" TEXT,
    "tokenId" TEXT,
    "adminId" TEXT,
    "createdAt" DATETIME NOT NULL,
    "seenAt" DATETIME NOT NULL,
    "expiresAt" DATETIME NOT NULL,
    CONSTRAINT "AdminSession_tokenId_fkey" FOREIGN KEY ("tokenId") REFERENCES "ApiToken" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "AdminSession_adminId_fkey" FOREIGN KEY ("adminId") REFERENCES "LocalAdmin" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "AdminSession_tokenId_idx" ON "AdminSession"("tokenId");
CREATE INDEX "AdminSession_adminId_idx" ON "AdminSession"("adminId");
CREATE INDEX "AdminSession_actor_idx" ON "AdminSession"("actor");
