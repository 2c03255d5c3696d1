-- AlterTable
ALTER TABLE "Member" ADD COLUMN "revokedAt" DATETIME;

-- CreateTable
CREATE TABLE "DeviceAuthority" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "prefix" TEXT NOT NULL,
    "pem" TEXT NOT NULL,
    "autoAdd" BOOLEAN NOT NULL,
    "createdAt" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "Device" (
    "identity" TEXT NOT NULL PRIMARY KEY,
    "memberId" TEXT NOT NULL,
    "authority" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "boundAt" DATETIME NOT NULL,
    CONSTRAINT "Device_memberId_fkey" FOREIGN KEY ("memberId") REFERENCES "Member" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE UNIQUE INDEX "Device_memberId_key" ON "Device"("memberId");
CREATE INDEX "Device_authority_idx" ON "Device"("authority");
