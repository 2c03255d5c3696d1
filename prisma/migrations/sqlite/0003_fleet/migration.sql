-- AlterTable
ALTER TABLE "Member" ADD COLUMN "labels" TEXT NOT NULL DEFAULT '{}';

-- AlterTable
ALTER TABLE "AccessPair" ADD COLUMN "owner" TEXT NOT NULL DEFAULT 'token:admin';
ALTER TABLE "AccessPair" ADD COLUMN "reason" TEXT NOT NULL DEFAULT '';
ALTER TABLE "AccessPair" ADD COLUMN "revision" INTEGER NOT NULL DEFAULT 1;

-- CreateTable
CREATE TABLE "AdminSession" (
    "hash" TEXT NOT NULL PRIMARY KEY,
    "tokenId" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "seenAt" DATETIME NOT NULL,
    "expiresAt" DATETIME NOT NULL,
    CONSTRAINT "AdminSession_tokenId_fkey" FOREIGN KEY ("tokenId") REFERENCES "ApiToken" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "AdminSession_tokenId_idx" ON "AdminSession"("tokenId");
