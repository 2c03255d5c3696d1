{
  "targets": [
    {
      "target_name": "bpf",
      "sources": [
        "native/module.c",
        "native/values.c",
        "native/handles.c",
        "native/object.c",
        "native/map.c",
        "native/link.c",
        "native/ring.c",
        "native/run.c"
      ],
      "defines": ["_GNU_SOURCE", "NAPI_VERSION=8"],
      "cflags": ["-std=gnu11", "-Wall", "-Wextra", "-Werror=implicit-function-declaration", "<!@(pkg-config --cflags libbpf)"],
      "libraries": ["<!@(pkg-config --libs libbpf)"]
    }
  ]
}
