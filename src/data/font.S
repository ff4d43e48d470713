/* The font of the labels (DejaVu Sans) as bytes of the library; the build names the file. */
    .section .rodata
    .globl rn_font, rn_font_end
    .hidden rn_font, rn_font_end
    .type rn_font, %object
    .balign 16
rn_font:
    .incbin RN_FONT
rn_font_end:
    .size rn_font, . - rn_font
    .section .note.GNU-stack, "", %progbits
