"""What names of files end in."""

# Of the cameras' formats that LibRaw opens. Not here: .tif, which is rather a photograph, and movies.
RAW = (
    *(".3fr", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".cs1", ".dc2", ".dcr", ".dcs", ".dng"),
    *(".drf", ".eip", ".erf", ".fff", ".gpr", ".iiq", ".k25", ".kc2", ".kdc", ".mdc", ".mef", ".mos"),
    *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".ptx", ".pxn", ".raf", ".raw", ".rdc", ".rw2", ".rwl"),
    *(".rwz", ".sr2", ".srf", ".srw", ".sti", ".x3f"),
)
