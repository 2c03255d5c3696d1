{
  "includes": ["../addon/addon.gypi"],
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
      "cflags": ["<!@(pkg-config --cflags libbpf)"],
      "libraries": ["<!@(pkg-config --libs libbpf)"]
    }
  ]
}
