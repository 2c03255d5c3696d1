{
  "targets": [
    {
      "target_name": "legs",
      "sources": ["native/module.c", "native/repair.c", "native/raw.c"],
      "defines": ["_GNU_SOURCE", "NAPI_VERSION=8"],
      "cflags": ["-std=gnu11", "-Wall", "-Wextra", "-Werror=implicit-function-declaration"]
    }
  ]
}
