{
  "targets": [
    {
      "target_name": "udp",
      "sources": [
        "native/module.c",
        "native/connect.c",
        "native/socket.c",
        "native/receive.c",
        "native/send.c"
      ],
      "defines": ["_GNU_SOURCE", "NAPI_VERSION=8"],
      "cflags": ["-std=gnu11", "-Wall", "-Wextra", "-Werror=implicit-function-declaration"]
    }
  ]
}
