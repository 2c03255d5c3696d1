{
  "includes": ["../addon/addon.gypi"],
  "targets": [
    {
      "target_name": "legs",
      "sources": ["native/module.c", "native/repair.c", "native/raw.c"]
    }
  ]
}
