{
  "includes": ["../addon/addon.gypi"],
  "targets": [
    {
      "target_name": "udp",
      "sources": [
        "native/module.c",
        "native/congestion.c",
        "native/connect.c",
        "native/end.c",
        "native/socket.c",
        "native/receive.c",
        "native/send.c"
      ]
    }
  ]
}
