import { encode } from 'uqr'

/** A QR code as the path of an SVG of so many units across, with the quiet zone of four that readers need. */
export function qrPath(text: string): { size: number, path: string } {
  const { data, size } = encode(text, { ecc: 'M', border: 4 })
  let path = ''
  data.forEach((row, y) => {
    for (let x = 0; x < row.length; x++) {
      if (!row[x]) continue
      let end = x
      while (row[end + 1]) end++
      path += `M${x} ${y}h${end - x + 1}v1H${x}z`
      x = end
    }
  })
  return { size, path }
}

/** The address that a label's QR code leads to. */
export function labelURL(code: string): string {
  return new URL(`./#/s/${code}`, location.href.split('#')[0]).href
}

/** Prints a code in groups of four. */
export function grouped(code: string): string {
  return code.replace(/(.{4})(?=.)/g, '$1-')
}
