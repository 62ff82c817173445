// Buckets and files: in one piece, in chunks with progress, and back again.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { refusal } from "../stage.mjs";

const CHUNK = 5 * 1024 * 1024;
const PICTURE = Buffer.from(
  // 8 by 8 pixels
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAbUlEQVR42g3JQQEAMAgDMSQgoRIqAQlIqAQknPQt31QVXahwMcUWKa6oarpR42aab" +
    "dJc/xAtJCxGrIg4/TBtZGzGrIk5/xh60OBhhh0y3PxYetHiZZZdstz+CB0UHCZsSLj8OPrQ4WOOPXLc8QAUAzwBRm2dsgAAAABJRU5ErkJggg==",
  "base64",
);

export async function tell(stage) {
  const { ID, Query, Permission, Role, Compression } = stage.sdk;
  const { storage } = stage;
  const made = await storage.createBucket({
    bucketId: ID.unique(),
    name: "Pictures",
    permissions: [Permission.read(Role.any())],
    fileSecurity: true,
    compression: Compression.Gzip,
    maximumFileSize: 20_000_000,
  });
  assert.deepEqual([made.name, made.compression, made.$permissions], ["Pictures", "gzip", ['read("any")']]);
  const bucketId = made.$id;
  assert.equal((await storage.getBucket({ bucketId })).$id, bucketId);
  const changed = await storage.updateBucket({
    bucketId,
    name: "Photos",
    allowedFileExtensions: ["png", "txt", "bin"],
  });
  assert.deepEqual([changed.name, changed.allowedFileExtensions], ["Photos", ["png", "txt", "bin"]]);
  const found = await storage.listBuckets({ queries: [Query.equal("name", "Photos")], search: "photos" });
  assert.deepEqual(
    found.buckets.map((each) => each.$id),
    [bucketId],
  );

  await keepSmallFile(stage, bucketId);
  await showPicture(stage, bucketId);
  await keepLargeFile(stage, bucketId);

  await storage.deleteBucket({ bucketId });
  assert.deepEqual(await refusal(storage.getBucket({ bucketId })), [404, "storage_bucket_not_found"]);
}

async function keepSmallFile({ sdk, files, storage }, bucketId) {
  const { Permission, Role } = sdk;
  const file = files.InputFile.fromPlainText("hello", "a.txt");
  const made = await storage.createFile({
    bucketId,
    fileId: "small",
    file,
    permissions: [Permission.read(Role.users())],
  });
  assert.deepEqual(
    [made.name, made.mimeType, made.sizeOriginal, made.$permissions],
    ["a.txt", "text/plain", 5, ['read("users")']],
  );
  const spot = { bucketId, fileId: "small" };
  assert.equal((await storage.getFile(spot)).signature, made.signature);
  assert.equal(Buffer.from(await storage.getFileDownload(spot)).toString(), "hello");
  assert.equal(Buffer.from(await storage.getFileView(spot)).toString(), "hello");
  assert.equal((await storage.updateFile({ ...spot, name: "b.txt" })).name, "b.txt");
  assert.deepEqual(
    (await storage.listFiles({ bucketId, search: "b.txt" })).files.map((each) => each.$id),
    ["small"],
  );
  await storage.deleteFile(spot);
  assert.deepEqual(await refusal(storage.getFile(spot)), [404, "storage_file_not_found"]);
  assert.deepEqual(await refusal(storage.getFileDownload(spot)), [404, "storage_file_not_found"]);
}

async function showPicture({ sdk, files, storage }, bucketId) {
  const spot = { bucketId, fileId: "picture" };
  await storage.createFile({ ...spot, file: files.InputFile.fromBuffer(PICTURE, "dot.png") });
  const preview = await storage.getFilePreview({
    ...spot,
    width: 16,
    height: 16,
    gravity: sdk.ImageGravity.Center,
    quality: 80,
    borderWidth: 1,
    borderColor: "ff0000",
    borderRadius: 2,
    opacity: 0.5,
    rotation: 90,
    background: "ffffff",
    output: sdk.ImageFormat.Png,
  });
  assert.equal(Buffer.from(preview).subarray(1, 4).toString(), "PNG");
}

async function keepLargeFile({ files, storage }, bucketId) {
  const content = randomBytes(2 * CHUNK + 70_000);
  const steps = [];
  const made = await storage.createFile({
    bucketId,
    fileId: "large",
    file: files.InputFile.fromBuffer(content, "large.bin"),
    onProgress: (step) => steps.push(step),
  });
  assert.deepEqual([made.chunksTotal, made.chunksUploaded, made.sizeOriginal], [3, 3, content.length]);
  assert.deepEqual([steps.length, steps.at(-1).progress, steps.at(-1).$id], [3, 100, "large"]);
  const back = Buffer.from(await storage.getFileDownload({ bucketId, fileId: "large" }));
  assert.ok(back.equals(content), "the file came back changed");
}
