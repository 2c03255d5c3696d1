{
  "target_defaults": {
    "include_dirs": ["include"],
    "defines": ["_GNU_SOURCE", "NAPI_VERSION=8"],
    "cflags": ["-std=gnu11", "-Wall", "-Wextra", "-Werror=implicit-function-declaration"]
  }
}
