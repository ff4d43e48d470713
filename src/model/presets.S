/* The preset files of models/presets as bytes of the library, each ended by a zero. The build gives the
 * assembler their folder. */
    .section .rodata
    .macro preset name
    .globl rn_preset_\name
    .hidden rn_preset_\name
    .type rn_preset_\name, %object
rn_preset_\name:
    .incbin "\name\().json"
    .byte 0
    .size rn_preset_\name, . - rn_preset_\name
    .endm
    preset nano
    preset small
    preset mobile
    preset r18
    preset r50
    .section .note.GNU-stack, "", %progbits
